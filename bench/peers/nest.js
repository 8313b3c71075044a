/** NestJS on Fastify with a guard for the token (`@nestjs/jwt`) and one for the article (CASL), written as its documentation shows them. */
import 'reflect-metadata'
import { createSecretKey } from 'node:crypto'
import { Controller, Get, Inject, Injectable, Module, NotFoundException, Req, UnauthorizedException, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { JwtModule, JwtService } from '@nestjs/jwt'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { subject } from '@casl/ability'
import { abilitiesOf } from '../casl.ts'
import { find, NAME } from '../work.ts'

const ABILITY_OF = Symbol('abilityOf')

class AuthGuard {
  constructor (jwtService) {
    this.jwtService = jwtService
  }

  async canActivate (context) {
    const request = context.switchToHttp().getRequest()
    const [type, token] = request.headers.authorization?.split(' ') ?? []
    if (type !== 'Bearer' || token === undefined) throw new UnauthorizedException()
    try {
      request.user = await this.jwtService.verifyAsync(token)
    } catch {
      throw new UnauthorizedException()
    }
    return true
  }
}

class PoliciesGuard {
  constructor (abilityOf) {
    this.abilityOf = abilityOf
  }

  canActivate (context) {
    const request = context.switchToHttp().getRequest()
    const article = find(request.params.id)
    if (article === undefined) throw new NotFoundException()
    request.article = article
    return this.abilityOf(request.user).can('read', subject('Article', article))
  }
}

class ArticlesController {
  find (request) {
    return request.article
  }
}

// What decorators would do, which plain JavaScript has not.
Injectable()(AuthGuard)
Inject(JwtService)(AuthGuard, undefined, 0)
Injectable()(PoliciesGuard)
Inject(ABILITY_OF)(PoliciesGuard, undefined, 0)
const { prototype } = ArticlesController
Controller('articles')(ArticlesController)
UseGuards(AuthGuard, PoliciesGuard)(ArticlesController)
Get(':id')(prototype, 'find', Object.getOwnPropertyDescriptor(prototype, 'find'))
Req()(prototype, 'find', 0)

class AppModule {}

export async function start (setting) {
  Module({
    // Their documentation gives the secret as a text, of which `jsonwebtoken` makes a key for each request: several times as slow.
    imports: [JwtModule.register({
      secret: createSecretKey(setting.key, 'utf8'),
      verifyOptions: { algorithms: [setting.algorithm], issuer: NAME, audience: NAME },
    })],
    controllers: [ArticlesController],
    providers: [{ provide: ABILITY_OF, useValue: abilitiesOf(setting) }],
  })(AppModule)
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })
  await app.listen(0, '127.0.0.1')
  return app.getHttpServer()
}
